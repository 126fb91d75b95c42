import { DEMO_ORGANIZATIONS, type Plan } from './plans';
import { shared } from './shared';

export interface Organization {
  id: string;
  name: string;
  plan: Plan;
}

/**
 * The app's customers. This file stands for a database: 100,000 organizations with made-up names, the same ones after
 * every start. In a real app the three functions below are queries.
 */
const COUNT = 100_000;

const FIRST =
  `Amber Arctic Atlas Beacon Birch Blue Cedar Cobalt Copper Coral Crystal Delta Ember Falcon Fjord Granite
  Harbor Hazel Indigo Iron Ivory Jade Juniper Lantern Linden Lunar Maple Marble Meadow Nimbus North Oak Ocean Onyx Opal
  Orchid Pine Polar Quartz Raven River Saffron Sierra Silver Slate Solar Summit Tidal Timber Velvet Willow`.split(
    /\s+/,
  );
const SECOND =
  `Analytics Apparel Audio Bakery Biotech Books Capital Ceramics Clinic Cloud Coffee Cycles Dairy Design
  Energy Events Farms Films Foods Freight Games Gardens Hotels Imaging Kitchen Labs Legal Logistics Media Mobility
  Motors Networks Optics Outdoor Paper Pharma Press Realty Robotics Security Software Sports Studio Supply Systems
  Textiles Tools Travel Wines Works`.split(/\s+/);
const KIND = ['', ' AG', ' Co-op', ' Group', ' Inc', ' Ltd', ' SA', ' Union'];

function make(index: number): Organization {
  // A number without a factor in common with the lists walks through all combinations in an order that looks mixed.
  const mixed = (index * 7_919) % (FIRST.length * SECOND.length * KIND.length);
  const first = FIRST[mixed % FIRST.length];
  const second = SECOND[Math.floor(mixed / FIRST.length) % SECOND.length];
  const kind = KIND[Math.floor(mixed / (FIRST.length * SECOND.length)) % KIND.length];
  const plan = index % 50 === 0 ? 'ENTERPRISE' : index % 6 === 0 ? 'PRO' : 'FREE';
  return { id: `org-${String(index).padStart(6, '0')}`, name: `${first} ${second}${kind}`, plan };
}

interface Directory {
  all: Organization[];
  byId: Map<string, Organization>;
}

const directory = () =>
  shared('organizations', (): Directory => {
    const made = Array.from({ length: COUNT - DEMO_ORGANIZATIONS.length }, (_, i) => make(i + 1));
    const all = [...DEMO_ORGANIZATIONS.map((one): Organization => ({ ...one })), ...made];
    return { all, byId: new Map(all.map((one) => [one.id, one])) };
  });

export const findOrganization = (id: string): Organization | undefined => directory().byId.get(id);

/** Those whose name or id contains the text, in the order in which they are given; all of them for an empty text. */
export function searchOrganizations(text: string, among = directory().all): Organization[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return among;
  return among.filter(({ id, name }) => id.includes(wanted) || name.toLowerCase().includes(wanted));
}

/** What a change of the subscription does. Counts stay: they do not know the plan. */
export function changePlan(organization: Organization, plan: Plan): void {
  organization.plan = plan;
}

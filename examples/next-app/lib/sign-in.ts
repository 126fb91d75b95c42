import { setTimeout } from 'node:timers/promises';
import type { NextRequest } from 'next/server';
import type { Decision } from 'spillway';
import { checkRequest } from 'spillway/next';
import { knownDevices, signIns } from './limits';
import { DEVICE_COOKIE, readDevice } from './session';

const FREE = 100;
const MOST_SECONDS = 10;

/** A second for each hundred wrong passwords of the last minute, whoever sent them. */
function delayMs({ rules }: Decision): number {
  const everybody = rules.find(({ rule }) => rule === 'everybody');
  const wrong = everybody ? everybody.limit - everybody.remaining : 0;
  return 1_000 * Math.min(MOST_SECONDS, Math.floor(wrong / FREE));
}

/**
 * Charges an attempt to sign in, before its password is looked at; `giveBack` is for a right one. A device that had signed
 * in before has a count of its own, so nobody else's guesses touch it. Strangers are counted by address, and all together
 * they make each other wait: a limit for all would be a way to lock the administrator out.
 */
export async function chargeAttempt(request: NextRequest) {
  const device = readDevice(request.cookies.get(DEVICE_COOKIE)?.value);
  if (device !== null) {
    const decision = await knownDevices.check(device.id);
    return { decision, giveBack: () => knownDevices.refund(decision) };
  }
  const decision = await checkRequest(request, { limiter: signIns, trustedProxies: 1 });
  // Right passwords wait, too: an early answer would tell them from wrong ones.
  if (decision.allowed) await setTimeout(delayMs(decision));
  return { decision, giveBack: () => signIns.refund(decision) };
}

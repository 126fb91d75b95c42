// Makes up usage of many organizations in a running app: ADMIN_PASSWORD=... node scripts/seed.mjs [count] [address]
const [count = '100000', address = 'http://localhost:3000'] = process.argv.slice(2);

async function post(path, { body, cookie = '' } = {}) {
  const headers = { 'Content-Type': 'application/json', Cookie: cookie };
  const response = await fetch(address + path, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
  return response;
}

const signedIn = await post('/api/admin/session', { body: { password: process.env.ADMIN_PASSWORD ?? '' } });
const cookie = signedIn.headers.get('set-cookie')?.split(';')[0];
const seeded = await post(`/api/admin/seed?organizations=${encodeURIComponent(count)}`, { cookie });
console.log(`${(await seeded.json()).charged} organizations have used something now.`);

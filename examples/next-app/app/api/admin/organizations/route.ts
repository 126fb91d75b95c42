import { forAdmin } from '@/lib/admin';
import { readWhole } from '@/lib/query';
import { listAll, listMostUsed } from '@/lib/usage';

/** `?search=...&page=1`, and `&view=used` for those with the largest counts. */
export const GET = forAdmin(async (request) => {
  const query = request.nextUrl.searchParams;
  const list = query.get('view') === 'used' ? listMostUsed : listAll;
  const wanted = readWhole(query, 'page', { from: 1, to: 1_000_000, otherwise: 1 });
  if (wanted instanceof Response) return wanted;
  const page = await list(query.get('search') ?? '', wanted);
  return Response.json(page, { headers: { 'Cache-Control': 'no-store' } });
});

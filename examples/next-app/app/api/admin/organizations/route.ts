import { forAdmin } from '@/lib/admin';
import { listAll, listMostUsed } from '@/lib/usage';

/** `?search=...&page=1`, and `&view=used` for those with the largest counts. */
export const GET = forAdmin(async (request) => {
  const query = request.nextUrl.searchParams;
  const list = query.get('view') === 'used' ? listMostUsed : listAll;
  const page = await list(query.get('search') ?? '', Number(query.get('page') ?? 1));
  return Response.json(page, { headers: { 'Cache-Control': 'no-store' } });
});

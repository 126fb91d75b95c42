interface Range {
  from: number;
  to: number;
  /** Where the query does not have it; without this it is required. */
  otherwise?: number;
}

/** A whole number of the query, in decimal digits and in range; else what the request is answered. */
export function readWhole(query: URLSearchParams, name: string, range: Range): number | Response {
  const { from, to, otherwise } = range;
  const text = query.get(name);
  if (text === null && otherwise !== undefined) return otherwise;
  // Number() alone would take '', ' 5', '0x10' and '1e3'.
  const value = /^\d+$/.test(text ?? '') ? Number(text) : NaN;
  if (value >= from && value <= to) return value;
  const message = `${name} must be a whole number from ${from} to ${to}.`;
  return Response.json({ error: 'Bad Request', message }, { status: 400 });
}

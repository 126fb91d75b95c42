/** Jest's matchers of any value, with the types of what they stand for. */
export const anyNumber = expect.any(Number) as number;
export const anyString = expect.any(String) as string;
export const textWith = (part: string) => expect.stringContaining(part) as string;

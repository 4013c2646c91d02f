type Page = { next_cursor?: string | null };

/** A generated function that returns one page of a list. */
type List = (options: never) => Promise<{ data?: Page | undefined }>;

/** The entries of a page: it has one list. */
type Entry<P> = { [Name in keyof P]-?: P[Name] extends readonly (infer Item)[] ? Item : never }[keyof P];
type EntryOf<L extends List> = Entry<NonNullable<Awaited<ReturnType<L>>["data"]>>;

/**
 * Iterate over all entries of a list, page by page.
 *
 *     for await (const image of iterate(listImages, { client, query: { q: "fox" } })) …
 */
export async function* iterate<L extends List>(
  list: L,
  options: Parameters<L>[0],
): AsyncGenerator<EntryOf<L>, void, undefined> {
  // The signature checks the arguments. Inside, every list is the same.
  const read = list as unknown as (options: object) => Promise<{ data?: Page }>;
  const given: { query?: { cursor?: string | null } } = options;
  let cursor = given.query?.cursor;
  do {
    const { data = {} } = await read({ ...given, query: { ...given.query, ...(cursor ? { cursor } : {}) } });
    yield* Object.values(data).find(Array.isArray) as unknown as EntryOf<L>[];
    cursor = data.next_cursor;
  } while (cursor);
}

// How tables are looked at, as far as a link restores it:
// "ops.sort=count.asc&ops.filter=conv".

export interface TableLook {
  sort: string | null; // a column by its name in CSV; null: as the table is at first
  descending: boolean;
  filter: string; // as it was typed
}

const tableNames = ["modules", "ops", "backward", "ranges", "scripts", "source", "live", "ranks"] as const;
export type TableName = (typeof tableNames)[number];
export type TableLooks = { [name in TableName]?: TableLook };

export const usual: TableLook = { sort: null, descending: true, filter: "" };

// What a table has to know of its look: what it is now, and how to change it.
export interface Looking {
  now(): TableLook;
  change(change: Partial<TableLook>): void;
}

// Only what is not as usual is written.
export function writeLooks(looks: TableLooks, words: URLSearchParams): void {
  for (const name of tableNames) {
    const { sort, descending, filter } = looks[name] ?? usual;
    if (sort !== null) words.set(`${name}.sort`, `${sort}.${descending ? "desc" : "asc"}`);
    if (filter) words.set(`${name}.filter`, filter);
  }
}

export function readLooks(words: URLSearchParams): TableLooks {
  const looks: TableLooks = {};
  for (const name of tableNames) {
    const sort = /^(.+)\.(asc|desc)$/.exec(words.get(`${name}.sort`) ?? "");
    const filter = words.get(`${name}.filter`) ?? "";
    if (sort || filter) looks[name] = { sort: sort?.[1] ?? null, descending: sort?.[2] !== "asc", filter };
  }
  return looks;
}

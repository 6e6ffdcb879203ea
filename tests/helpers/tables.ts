// What a rule puts into the tables of a state, kept in memory.

/** The tables of a rule. What is put into them is copied, as a store does. */
export class Tables {
  readonly #tables = new Map<string, Map<string, unknown>>();

  /** For the state of a rule. */
  readonly put = (table: string, key: string, value: unknown): void => {
    const rows = this.#tables.get(table) ?? new Map();
    this.#tables.set(table, rows);
    if (value === undefined) rows.delete(key);
    else rows.set(key, structuredClone(value));
  };

  /** For what is kept of it. */
  // deno-lint-ignore no-explicit-any -- each table has values of its own type
  readonly entries = (table: string): Map<string, any> =>
    structuredClone(this.#tables.get(table) ?? new Map());

  /** A copy: another rule may go on with it. */
  copy(): Tables {
    const copy = new Tables();
    for (const [table, rows] of this.#tables) for (const [key, value] of rows) copy.put(table, key, value);
    return copy;
  }
}

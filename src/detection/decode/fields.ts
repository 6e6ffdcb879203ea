// Objects of JSON whose fields nobody has checked yet, and how they are read.

/** An object of JSON. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether the value is an object of JSON. */
export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value if it is a text, else an empty one. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

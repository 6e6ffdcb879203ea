// The errors of MongoDB's driver as faults: where, what was found, and what to do.
import { Fault } from "../../lib/errors.ts";
import { plain } from "../../lib/escape.ts";

/** What stands in an error of the driver. */
interface MongoError {
  readonly name: string;
  readonly message: string;
  readonly code?: string | number;
  readonly keyPattern?: Readonly<Record<string, unknown>>;
}

const duplicate = 11_000;

/** Whether an alert was refused since it is there already. */
export function isRepeated(error: unknown): boolean {
  const { code, keyPattern } = error as MongoError;
  return code === duplicate && (keyPattern === undefined || "_id" in keyPattern);
}

/** An error of the driver as a fault. */
export function explainMongo(error: unknown, where: string, prefix: string): Fault {
  if (error instanceof Fault) return error;
  const { name, message, code } = error as MongoError;
  const said = plain(message.length > 200 ? `${message.slice(0, 200)}…` : message);
  if (code === 18) {
    return new Fault(
      `${where} refused user and password; set the right ones, and authSource, in ${prefix}_CONNECTION`,
      "operator",
    );
  }
  if (code === 13) return new Fault(`${where}: ${said}; allow the user to insert there`, "operator");
  if (typeof code === "number" && refusals.has(code) || name === "BSONError") {
    return new Fault(`${where} refused the alert: ${said}`, "rejected");
  }
  if (/ECONNREFUSED/.test(message)) return new Fault(`${where}: connection refused`);
  if (/ENOTFOUND/.test(message)) return new Fault(`${where}: host not found`);
  return new Fault(`${where}: ${said}`);
}

/** Too large, invalid by the collection's rules, twice by another index. */
const refusals: ReadonlySet<number> = new Set([2, 22, 121, 10_334, 17_280, 17_419, 17_420, duplicate]);

// The settings of the command `record`.
import { size, text, wholeNumber } from "../../lib/settings/parsers.ts";

/** The settings of `record`. */
export const recordSettings = {
  path: text({
    env: "RECORD_TO",
    flag: "--to",
    help: "file to write; compressed if its name ends in .gz",
    example: "updates.ndjson.gz",
  }),
  rotateAt: size({
    env: "RECORD_ROTATE_AT",
    flag: "--rotate-at",
    help: "rotate the file at this size, to a name with the time",
    default: "100MB",
    example: "1GB",
  }),
  keep: wholeNumber(
    {
      env: "RECORD_KEEP",
      flag: "--keep",
      help: "rotated files to keep; older ones are deleted",
      default: "10",
      example: "24",
    },
    1,
    100_000,
  ),
};

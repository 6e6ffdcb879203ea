// The settings of the command `record`.
import { size, text, wholeNumber } from "../../lib/settings/parsers.ts";

/** The settings of `record`. */
export const recordSettings = {
  path: text({
    env: "RECORD_TO",
    flag: "--to",
    help: "file to write; packed by gzip where its name ends in .gz",
    example: "updates.ndjson.gz",
  }),
  rotateAt: size({
    env: "RECORD_ROTATE_AT",
    flag: "--rotate-at",
    help: "size at which the file is set aside, under a name with the time, and a new one begun",
    default: "100MB",
    example: "1GB",
  }),
  keep: wholeNumber(
    {
      env: "RECORD_KEEP",
      flag: "--keep",
      help: "how many files are kept that were set aside; the oldest is deleted",
      default: "10",
      example: "24",
    },
    1,
    100_000,
  ),
};

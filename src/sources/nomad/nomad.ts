// The adapter of the source `nomad`, whose code is loaded only when it is opened.
import { nomadConflicts, nomadSettings } from "../../clients/nomad/settings.ts";
import { defineAdapter } from "../../lib/settings/adapter.ts";
import type { Source, SourceContext } from "../source.ts";

/** The adapter `nomad`. */
export const nomad = defineAdapter({
  type: "nomad",
  title: "Source nomad",
  settings: nomadSettings,
  conflicts: nomadConflicts,
  async open(values, context: SourceContext): Promise<Source> {
    const { openNomad } = await import("./source.ts");
    return openNomad(values, context);
  },
});

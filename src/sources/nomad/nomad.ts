// The adapter of the source `nomad`, whose code is loaded only when it is opened.
import { nomadConflicts, nomadSettings, taskApi } from "../../clients/nomad/settings.ts";
import { defineAdapter } from "../../lib/settings/adapter.ts";
import { isSet, readSettings } from "../../lib/settings/setting.ts";
import type { Source, SourceContext } from "../source.ts";
import { contextSettings } from "./context/settings.ts";

/** The adapter `nomad`. */
export const nomad = defineAdapter({
  type: "nomad",
  title: "Source nomad",
  settings: { ...nomadSettings, ...contextSettings },
  isConfigured(input) {
    const { address, secretsDirectory } = nomadSettings;
    if (isSet(address, input)) return true;
    const values = readSettings({ secretsDirectory }, { ...input, problems: [] });
    return taskApi(values?.secretsDirectory) !== undefined;
  },
  conflicts: nomadConflicts,
  async open(values, context: SourceContext): Promise<Source> {
    const { openNomad } = await import("./source.ts");
    return openNomad(values, context);
  },
});

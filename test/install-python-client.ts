/** Installs the official OpenAI client for Python into a private virtual environment, unless it is there already. */
import { pythonWith } from "./python-environment.ts";

/** Makes the environment and returns its Python; rejects with what is missing. */
export function installPythonClient(): Promise<string> {
  return pythonWith({ name: "openai", version: "3.54.0" });
}

if (import.meta.main) await installPythonClient();

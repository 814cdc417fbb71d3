import { nonEmptyString } from "../answer-json.ts";
import { isRecord } from "../conversation/read.ts";

/**
 * A citation of a web page as OpenAI's `url_citation`; none for places in documents, which OpenAI has no word for.
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html
 */
export function readCitation(citation: unknown): readonly object[] {
  if (!isRecord(citation) || !isRecord(citation["location"])) return [];
  const { web } = citation["location"];
  const url = isRecord(web) ? nonEmptyString(web["url"]) : undefined;
  return url === undefined ? [] : [{ type: "url_citation", url_citation: { url, title: citation["title"] } }];
}

// Prints what @asyncapi/parser says about a document, and what it found in it, as JSON.
import { readFileSync } from "node:fs";
import parser from "@asyncapi/parser";

const { document, diagnostics } = await new parser.Parser().parse(readFileSync(process.argv[2], "utf8"));

console.log(
  JSON.stringify({
    diagnostics: diagnostics.map(({ code, severity, message, path }) => ({ code, severity, message, path: path.join(".") })),
    operations: document?.allOperations().map((operation) => ({
      id: operation.id(),
      action: operation.action(),
      messages: operation.messages().map((message) => ({
        name: message.name(),
        headers: message.headers()?.json(),
        payload: message.payload()?.json(),
      })),
    })),
  }),
);

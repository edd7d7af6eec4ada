// Java's properties syntax, as `java.util.Properties` reads it: comments, `key=value`, `key: value`, `key value`, lines
// continued by a backslash, and escapes. Pure; remembers on which line each property began.

export interface Property {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

export function parseProperties(text: string): readonly Property[] {
  const properties: Property[] = [];
  for (const { content, line } of logicalLines(text)) {
    const keyEnd = endOfKey(content);
    const afterKey = content.slice(keyEnd).replace(/^[ \t\f]*[=:]?[ \t\f]*/, "");
    properties.push({ key: unescaped(content.slice(0, keyEnd)), value: unescaped(afterKey), line });
  }
  return properties;
}

/** Lines without blanks and comments, continuations joined. A comment does not continue, whatever it ends with. */
function logicalLines(text: string): { content: string; line: number }[] {
  const lines: { content: string; line: number }[] = [];
  const natural = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  for (let i = 0; i < natural.length; i++) {
    const line = i + 1;
    let content = natural[i]!.replace(/^[ \t\f]+/, "");
    if (content === "" || content.startsWith("#") || content.startsWith("!")) continue;
    while (endsInBackslash(content)) {
      content = content.slice(0, -1);
      if (i + 1 >= natural.length) break;
      i++;
      content += natural[i]!.replace(/^[ \t\f]+/, "");
    }
    if (content !== "") lines.push({ content, line });
  }
  return lines;
}

/** An even number of backslashes at the end are escaped ones. */
function endsInBackslash(content: string): boolean {
  const trailing = /\\*$/.exec(content)![0].length;
  return trailing % 2 === 1;
}

/** A key ends at the first separator or blank that is not escaped. */
function endOfKey(content: string): number {
  for (let i = 0; i < content.length; i++) {
    if (content[i] === "\\") i++;
    else if ("=: \t\f".includes(content[i]!)) return i;
  }
  return content.length;
}

const ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f" };

function unescaped(text: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|[\s\S]|$)/g, (_, escaped: string) => {
    if (escaped.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    return ESCAPES[escaped] ?? escaped;
  });
}

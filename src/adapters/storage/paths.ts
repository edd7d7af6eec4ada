// File paths, joined without the platform's help, because every system that Node runs on accepts `/`.

export function pathIn(directory: string, name: string): string {
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}

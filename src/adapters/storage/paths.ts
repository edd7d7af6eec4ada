// Paths of files, made without the platform's help: every system that Node runs on takes `/`.

export function pathIn(directory: string, name: string): string {
  return directory.endsWith("/") ? directory + name : `${directory}/${name}`;
}

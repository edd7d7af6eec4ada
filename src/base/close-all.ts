// Closing several things in order, each of them although another could not be closed.

/** One after another, each of them. Rejects afterwards with the first error. */
export async function closeAll(closes: readonly (() => unknown)[]): Promise<void> {
  const errors: unknown[] = [];
  for (const close of closes) {
    try {
      await close();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

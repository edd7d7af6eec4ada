// Calls of functions that a program gives: what fails in them is reported, and harms nobody else.

/** Never throws. `onError` gets what the function throws, and what the promise that it returns rejects with. */
export function callBack<News>(callback: (news: News) => unknown, news: News, onError: (error: unknown) => void): void {
  try {
    const result = callback(news);
    if (isThenable(result)) Promise.resolve(result).catch(onError);
  } catch (error) {
    onError(error);
  }
}

/** A promise, of whichever library or realm. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  if ((typeof value !== "object" || value === null) && typeof value !== "function") return false;
  return typeof (value as { readonly then?: unknown }).then === "function";
}

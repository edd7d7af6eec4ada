// Metrics as plain values: what a part of a member counts and measures, for whatever publishes it.

export interface Metric {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "summary" | "histogram";
  readonly help: string;
  readonly samples: readonly Sample[];
}

interface Sample {
  /** Behind the metric's name, as `_count` of a summary. */
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export function gauge(name: string, help: string, value: number): Metric {
  return { name, kind: "gauge", help, samples: [{ value }] };
}

export function counter(name: string, help: string, value: number): Metric {
  return { name, kind: "counter", help, samples: [{ value }] };
}

/** The shell's clock. The pure folders never see it: they get `now` as an argument. */
export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  now(): number;
}

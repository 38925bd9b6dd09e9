/** A directory for the data of a program, and a way to fail it. */
export interface FailingMedium {
  /** The directory. It stays where it is. */
  readonly path: string
  /**
   * The moment of the failure: what happens after this call has not happened. To be called together with the killing of the
   * program, in one go.
   * @returns what to call when the program has ended: puts the directory into the state after the failure
   */
  cut(): () => Promise<void>
  remove(): Promise<void>
}

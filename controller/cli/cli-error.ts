import type { ExitReason } from './exit-codes.js'

/** A failure that a person can act on. The message says what and where, the hint what to do. Printed as one or two lines, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError'
  constructor(
    readonly reason: ExitReason,
    message: string,
    readonly hint = '',
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** The named thing does not exist; the hint may name similar ones. */
export class NotFoundError extends CliError {
  constructor(message: string, hint = '') {
    super('error', message, hint)
  }
}

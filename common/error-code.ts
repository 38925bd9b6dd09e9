/** The code of an error of Node (`ENOENT`), of OpenSSL or of SQLite; empty if it has none, or a number. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

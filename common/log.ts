import { pino, type Logger } from 'pino'

export type Log = Logger

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** JSON lines on stderr; a constant message plus fields. Keys that may hold a secret are cut out. */
export function createLog(program: string, level: LogLevel): Log {
  return pino(
    {
      level,
      base: { program },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: ['token', 'joinToken', 'password', '*.token', '*.joinToken', '*.password'], censor: '[secret]' },
    },
    pino.destination({ fd: 2, sync: false }),
  )
}

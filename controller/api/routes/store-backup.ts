import type { BackupDesk } from '../../store/embedded/backup-desk.js'
import type { ApiApp } from '../app.js'
import { ApiError } from '../errors.js'
import { backupView, type BackupView } from '../views.js'
import { answers } from './answers.js'

/** What the routes use of the desk; undefined where the time series are kept by a server of their own. */
export type Backups = Pick<BackupDesk, 'state' | 'start' | 'read' | 'remove'> | undefined

/** One backup of the time series at a time: begun, looked at, fetched, removed. */
export function addStoreBackupRoutes(app: ApiApp, backups: Backups): void {
  const path = '/api/v1/store/backup'
  app.post(
    path,
    { schema: { summary: 'Begins a backup of the time series; one that runs goes on', response: answers(backupView) } },
    (): BackupView => ({ ...desk(backups).start() }),
  )
  app.get(path, { schema: { summary: 'How far the backup is', response: answers(backupView) } }, (): BackupView => ({
    ...desk(backups).state,
  }))
  app.get(
    `${path}/file`,
    {
      config: { access: 'admin' },
      schema: { summary: 'The finished backup: one SQLite file', produces: ['application/octet-stream'] },
    },
    (_request, reply) => {
      const { state } = desk(backups)
      const file = desk(backups).read()
      if (file === undefined || state.state !== 'ready') throw new ApiError('no-backup', 'no finished backup is there')
      return reply.type('application/octet-stream').header('content-length', state.bytes).send(file)
    },
  )
  app.post(
    `${path}/remove`,
    { schema: { summary: 'Removes the finished backup', response: answers(backupView) } },
    async (): Promise<BackupView> => {
      await desk(backups).remove()
      return { ...desk(backups).state }
    },
  )
}

function desk(backups: Backups): NonNullable<Backups> {
  if (backups !== undefined) return backups
  throw new ApiError('no-own-store', 'the time series are kept by a server of their own: back up that one')
}

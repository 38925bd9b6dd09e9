import type { MoveMark, MoveMarks } from '../../agent/commands/move-marks.js'

/** Marks of moves, in memory. */
export class HandMarks implements Pick<MoveMarks, 'of' | 'put' | 'remove'> {
  readonly marks = new Map<string, MoveMark>()

  of(_hostId: string, vmUuid: string): MoveMark | undefined {
    return this.marks.get(vmUuid)
  }

  put(mark: Omit<MoveMark, 'atMs'>): Promise<void> {
    this.marks.set(mark.vmUuid, { ...mark, atMs: 0 })
    return Promise.resolve()
  }

  remove({ vmUuid }: Pick<MoveMark, 'vmUuid'>): Promise<void> {
    this.marks.delete(vmUuid)
    return Promise.resolve()
  }
}

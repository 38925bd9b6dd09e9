/** Ids of the series of a host's storage, kind `storage`: what is stored and what a finding rests on have one name. */
export const storageSeries = {
  md: (hostId: string, device: string): string => `${hostId}/md/${device}`,
  disk: (hostId: string, device: string): string => `${hostId}/disk/${device}`,
  pool: (hostId: string, name: string): string => `${hostId}/pool/${name}`,
  lun: (hostId: string, arrayKey: string, lun: string): string => `${hostId}/lun/${arrayKey}/${lun}`,
} as const

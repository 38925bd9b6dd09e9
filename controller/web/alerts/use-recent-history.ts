import { useContext, useEffect, useState } from 'preact/hooks'
import type { AlertHistoryView } from '../../api/views.js'
import { PageContext } from '../state/page-context.js'

const historyLines = 30

/**
 * The newest lines of the history of alerts, fetched again when `state` changes; or why there are none.
 * @param about whose they are: `array:iscsi1`; all without it
 */
export function useRecentHistory(state: string, about?: string): readonly AlertHistoryView[] | string {
  const { client } = useContext(PageContext)
  const [history, setHistory] = useState<readonly AlertHistoryView[] | string>('loading…')
  useEffect(() => {
    let wanted = true
    void client.alertHistory(historyLines, about).then((answer) => {
      if (!wanted || answer.status === 'signed-out') return
      setHistory(answer.status === 'ok' ? answer.value : `The history is not known: ${answer.message}.`)
    })
    return () => {
      wanted = false
    }
  }, [client, state, about])
  return history
}

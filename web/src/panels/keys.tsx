import { useEffect, useRef } from 'preact/hooks'

const keys: readonly (readonly [string, string])[] = [
  ['/', 'Search'],
  ['↑ ↓ ← →', 'Move in the tree; open and close directories'],
  ['Enter', 'Show a directory in the treemap'],
  ['Backspace', 'Show the directory around it'],
  ['[ ]', 'Layer below, layer above'],
  ['w', 'Whole image'],
  ['u', 'One layer, or all up to it'],
  ['c', 'Colour by layer, type or change'],
  ['s', 'Sort by size or name'],
  ['1 2 3 …', 'Views'],
  ['t', 'Dark or light'],
  ['Esc', 'Clear the search'],
]

interface KeysProps {
  readonly hasKeys: boolean
  readonly onSwitch: (hasKeys: boolean) => void
  readonly onClose: () => void
}

/** Which keys do what. */
export function Keys({ hasKeys, onSwitch, onClose }: KeysProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => dialog.current!.showModal(), [])
  return (
    <dialog ref={dialog} class="keys" aria-labelledby="keys-title" onClose={onClose}>
      <h2 id="keys-title">Keys</h2>
      <dl>
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <label>
        <input type="checkbox" checked={hasKeys} onChange={(event) => onSwitch(event.currentTarget.checked)} /> Keys
        without a modifier do this
      </label>
      <form method="dialog">
        <button type="submit" class="plain">
          Close
        </button>
      </form>
    </dialog>
  )
}

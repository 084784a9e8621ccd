import type { MessageInitShape } from '@bufbuild/protobuf'
import type { llb } from '../../../buildkit/index.ts'
import type { OwnerText } from '../../plan/index.ts'

type Owner = MessageInitShape<typeof llb.ChownOptSchema>
type Name = MessageInitShape<typeof llb.UserOptSchema>

/** Returns `user[:group]` as BuildKit takes it; names are looked up in the filesystem that is the input with this number. */
export function ownerOf(text: OwnerText | undefined, input: bigint): { readonly owner?: Owner } {
  if (text === undefined) return {}
  const [user = '', group] = text.split(':', 2)
  return {
    owner: {
      ...(user === '' ? {} : { user: nameOf(user, input) }),
      ...(group === undefined || group === '' ? {} : { group: nameOf(group, input) }),
    },
  }
}

function nameOf(text: string, input: bigint): Name {
  return /^\d{1,10}$/.test(text) && Number(text) <= 0xffff_ffff
    ? { user: { case: 'byId', value: Number(text) } }
    : { user: { case: 'byName', value: { name: text, input } } }
}

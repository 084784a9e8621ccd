import { Component, type ComponentChild, createElement, type FunctionComponent } from 'preact'

/** A component that is made again only when one of its properties is another. */
export function memo<P extends object>(component: (props: P) => ComponentChild): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now = this.props as P
      const names = Object.keys({ ...now, ...next }) as (keyof P)[]
      return names.some((name) => now[name] !== next[name])
    }

    override render(props: P) {
      return createElement(component as FunctionComponent<P>, props)
    }
  }
  return Memo as unknown as FunctionComponent<P>
}

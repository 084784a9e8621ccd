import type { MadeLayer } from '../../content/layers/index.ts'
import type { Recipe } from './explain/recipe.ts'

/** What a step has left: the layer it made, and what finds it again. */
export interface StepRecord {
  /** Each of them finds the layer: by the contents of its files, by where they come from. */
  readonly keys: readonly string[]
  /** Its key without contents. */
  readonly form: string
  readonly layer: MadeLayer
  readonly recipe?: Recipe | undefined
}

/** Results of steps that other stores have shared, read before the build. */
export interface SharedSteps {
  /** Whether any step of this form is there, whatever its files contained. */
  knows(form: string): boolean
  /** Returns what a step with that key made; undefined if there is none, or if it has turned out to be unusable. */
  recall(key: string): SharedStep | undefined
  /** Why a result that is known there is not used. */
  whyNot(key: string): string | undefined
  /** What its steps were made of, for explanations. */
  recipes(): readonly Recipe[]
}

/** A result that may have to be fetched. */
export interface SharedStep extends StepRecord {
  /** For messages: which cache has it. */
  readonly from: string
  /** Brings the layer into the store. Rejects with `UnusableResult` if it cannot be had: the step has to be executed. */
  fetch(): Promise<void>
  /** Makes sure that it is not used again. Returns the error to throw. `why` completes the sentence: `the layer … does not …`. */
  refuse(why: string): UnusableResult
}

/** A shared result turned out to be missing or damaged after the build had relied on it. Solving again does without it. */
export class UnusableResult extends Error {}

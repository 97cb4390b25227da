import type { Context } from '#kernel/context/context.ts'
import { insert } from '#kernel/documents/save.ts'
import { defineSaga, type SagaState, type UndoCall } from '#kernel/saga/saga.ts'
import { askOutside } from './outside.ts'

const refOf = (state: SagaState) => String(state.input.ref)

const undo = async (ctx: Context, state: SagaState, { actionKey }: UndoCall, what: string) =>
  askOutside(ctx, 'undo', actionKey, what, refOf(state))

const note = (ctx: Context, kind: string, source: string) => insert(ctx, 'Ledger Effect', { kind, source }).then(() => undefined)

/** Reserve outside, book here, charge outside, note here: killed anywhere it ends with all of it or with none. */
export const orderSaga = defineSaga({
  name: 'ledger-order',
  asSystem: 'the fault suite',
  steps: [
    {
      name: 'reserve',
      action: (ctx, state, { idempotencyKey }) => askOutside(ctx, 'apply', idempotencyKey, 'reserve', refOf(state)),
      compensate: (ctx, state, call) => undo(ctx, state, call, 'reserve'),
      retry: { attempts: 6, firstMs: 300, mostMs: 2000 },
      undoRetry: { attempts: 12, firstMs: 200, mostMs: 1000 },
    },
    {
      name: 'book',
      isLocal: true,
      action: (ctx, state) => note(ctx, 'saga-book', refOf(state)),
      compensate: (ctx, state) => note(ctx, 'saga-unbook', refOf(state)),
    },
    {
      name: 'charge',
      action: (ctx, state, { idempotencyKey }) => askOutside(ctx, 'apply', idempotencyKey, 'charge', refOf(state)),
      compensate: (ctx, state, call) => undo(ctx, state, call, 'charge'),
      retry: { attempts: 6, firstMs: 300, mostMs: 2000 },
      undoRetry: { attempts: 12, firstMs: 200, mostMs: 1000 },
    },
    {
      name: 'note',
      isLocal: true,
      action: (ctx, state) => note(ctx, 'saga-note', refOf(state)),
      compensate: (ctx, state) => note(ctx, 'saga-unnote', refOf(state)),
    },
  ],
})

/**
 * `spillway/store`: for those who write a store of their own. `customStore` makes an option of it, `casStore` of what can only compare
 * and set; the steps are the algorithms, for a store that can only read and write.
 */
export { casStore } from '../stores/cas/option';
export { customStore } from '../stores/option';
export { step, stepAll, stepBlock, stepRefund } from '../stores/step';

export type {
  BlockOp,
  CustomStore,
  Outcome,
  RefundOp,
  ScanOp,
  ScanPage,
  StoreItem,
  StoreOp,
  StoreRule,
} from '../stores/custom/types';
export type { CasScanOp, CasScanPage, CasSource, CasStoreOptions } from '../stores/cas/types';
export type { BreakerOptions } from '../stores/breaker-options';
export type { CustomStoreOptions, StoreOption } from '../stores/option';
export type { Kept, StepCall, Stepped, StepRule } from '../stores/step';
export type { Algorithm } from '../rules/algorithm';

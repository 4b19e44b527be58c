/** The rule language: YAML files -> compiled rules, with errors that name file, line and column. */
export { compileRules, type Compilation } from './compile.js';
export {
  formatRuleProblem,
  type CompiledRule,
  type CompiledRules,
  type CompiledStep,
  type CountTest,
  type RuleFile,
  type RuleProblem,
  type StepTest,
  type Subject,
} from './model.js';

//! The policies that convox.yml names, and those that the Rack's owner lets Apps have.

use names::arn_pattern::is_like;
use release::app_stack::Needs;

use super::checks::Checks;
use super::problem::PlanProblem;
use crate::config::Config;

impl Checks {
    /// What `AppPolicyArns` does not allow, CloudFormation would be refused in the middle of its work; what `AppPolicyActions`
    /// does not have, the roles' boundary takes away in silence.
    pub(super) fn policies(&mut self, config: &Config, needs: &Needs) {
        let allowed = |arn: &str| {
            let mut patterns = config.app_policy_arns.iter();
            patterns.any(|pattern| is_like(pattern, arn))
        };
        for (path, arns) in needs.policies() {
            if !arns.is_empty() && config.app_policy_actions.is_empty() {
                self.problem(PlanProblem::NoPolicyActions { path: &path });
            }
            if !arns.iter().all(|arn| allowed(arn)) {
                self.problem(PlanProblem::PolicyNotAllowed { path: &path });
            }
        }
    }
}

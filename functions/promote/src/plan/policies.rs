//! The policies that convox.yml names, and those that the Rack's owner lets Apps have.

use names::arn_pattern::is_like;
use names::error_type::ErrorType;
use release::app_stack::Needs;

use super::checks::Checks;
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
                self.problem(ErrorType::PolicyNotAllowed, format!(
                    "`{path}` names policies, and the Rack's parameter AppPolicyActions has no actions that they could give, so they \
                     would give none; let the Rack's owner set it, or leave them out"
                ));
            }
            if !arns.iter().all(|arn| allowed(arn)) {
                self.problem(ErrorType::PolicyNotAllowed, format!(
                    "`{path}` names policies that the Rack's parameter AppPolicyArns does not have; let the Rack's owner add them, or \
                     leave them out"
                ));
            }
        }
    }
}

//! CloudFormation's intrinsic functions, as far as the template's policies use them. Others are an error.

use std::fmt;

use serde_json::{Map, Value};

use super::deployment::Deployment;

/// A construct of the template that is not known here, or leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError(pub(super) String);

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "template.yaml: {}", self.0)
    }
}

impl std::error::Error for TemplateError {}

type Resolved<T> = Result<T, TemplateError>;

fn refuse<T>(message: impl Into<String>) -> Resolved<T> {
    Err(TemplateError(message.into()))
}

/// Resolves values of `template` as they are in `deployment`.
pub(super) struct Resolver<'a> {
    template: &'a Value,
    deployment: &'a Deployment,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(template: &'a Value, deployment: &'a Deployment) -> Self {
        Self {
            template,
            deployment,
        }
    }

    /// A policy document in plain form.
    pub(super) fn document(&self, value: &Value) -> Resolved<Value> {
        match self.resolve(value)? {
            Some(document) if document["Statement"].is_array() => Ok(document),
            _ => refuse(format!("no policy document: {value}")),
        }
    }

    /// The value; none for `AWS::NoValue`, which leaves its place out.
    pub(super) fn resolve(&self, value: &Value) -> Resolved<Option<Value>> {
        match value {
            Value::Object(members) => match intrinsic(members)? {
                Some((function, argument)) => self.call(function, argument),
                None => self.members(members).map(Some),
            },
            Value::Array(items) => {
                let items = items
                    .iter()
                    .filter_map(|item| self.resolve(item).transpose());
                Ok(Some(Value::Array(items.collect::<Resolved<_>>()?)))
            }
            other => Ok(Some(other.clone())),
        }
    }

    fn members(&self, members: &Map<String, Value>) -> Resolved<Value> {
        let mut resolved = Map::new();
        for (name, value) in members {
            if let Some(value) = self.resolve(value)? {
                resolved.insert(name.clone(), value);
            }
        }
        Ok(Value::Object(resolved))
    }

    fn call(&self, function: &str, argument: &Value) -> Resolved<Option<Value>> {
        match (function, argument, argument.as_array().map(Vec::as_slice)) {
            ("Ref", Value::String(name), _) if name == "AWS::NoValue" => Ok(None),
            ("Ref", Value::String(name), _) => self.reference(name).map(Some),
            ("Fn::GetAtt", _, Some([Value::String(of), Value::String(attribute)])) => {
                self.attribute(of, attribute).map(Some)
            }
            ("Fn::Sub", Value::String(text), _) => self.substitute(text, &Map::new()).map(Some),
            ("Fn::Sub", _, Some([Value::String(text), Value::Object(names)])) => {
                self.substitute(text, names).map(Some)
            }
            ("Fn::If", _, Some([Value::String(condition), yes, no])) => {
                let chosen = if self.condition(condition)? { yes } else { no };
                self.resolve(chosen)
            }
            ("Fn::Join", _, Some([Value::String(separator), list])) => {
                let list = self.texts(list)?;
                Ok(Some(list.join(separator).into()))
            }
            ("Fn::Split", _, Some([Value::String(separator), text])) => {
                let text = self.text(text)?;
                Ok(Some(text.split(separator.as_str()).collect()))
            }
            ("Fn::Select", _, Some([index, list])) => self.select(index, list).map(Some),
            _ => refuse(format!("`{function}` of {argument} is not known here")),
        }
    }

    fn select(&self, index: &Value, list: &Value) -> Resolved<Value> {
        let index = match index {
            Value::String(index) => index.parse().ok(),
            other => other.as_u64().and_then(|index| usize::try_from(index).ok()),
        };
        let list = self.texts(list)?;
        match index.and_then(|index| list.get(index)) {
            Some(item) => Ok(item.as_str().into()),
            None => refuse(format!("Fn::Select finds nothing in {list:?}")),
        }
    }

    /// Of parameters and resources whose names do not matter to a policy, the default.
    fn reference(&self, name: &str) -> Resolved<Value> {
        let parameter = &self.template["Parameters"][name];
        let known = self.deployment.reference(name);
        let Some(value) = known.or_else(|| parameter.get("Default").cloned()) else {
            return refuse(format!("`Ref` of {name}, which no deployment here has"));
        };
        if parameter["Type"] != "CommaDelimitedList" {
            return Ok(value);
        }
        let list = value.as_str().unwrap_or_default().split(',');
        Ok(list.map(str::trim).collect())
    }

    fn attribute(&self, of: &str, attribute: &str) -> Resolved<Value> {
        match self.deployment.attribute(of, attribute) {
            Some(value) => Ok(value.into()),
            None => refuse(format!(
                "the attribute {of}.{attribute}, which no deployment here has"
            )),
        }
    }

    /// `${Name}`, `${Resource.Attribute}`, and `${!Name}` for the text `${Name}`.
    fn substitute(&self, text: &str, names: &Map<String, Value>) -> Resolved<Value> {
        let mut pieces = text.split("${");
        let mut out = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let Some((name, rest)) = piece.split_once('}') else {
                return refuse(format!("`Fn::Sub` of {text}: a brace is open"));
            };
            match (
                name.strip_prefix('!'),
                names.get(name),
                name.split_once('.'),
            ) {
                (Some(literal), _, _) => out.extend(["${", literal, "}"]),
                (_, Some(value), _) => out.push_str(&self.text(value)?),
                (_, None, Some((of, attribute))) => {
                    out.push_str(&self.text(&self.attribute(of, attribute)?)?);
                }
                (_, None, None) => out.push_str(&self.text(&self.reference(name)?)?),
            }
            out.push_str(rest);
        }
        Ok(out.into())
    }

    fn condition(&self, name: &str) -> Resolved<bool> {
        match &self.template["Conditions"][name] {
            Value::Null => refuse(format!("there is no condition {name}")),
            condition => self.holds(condition),
        }
    }

    fn holds(&self, condition: &Value) -> Resolved<bool> {
        let list = |name: &str| condition[name].as_array().map(Vec::as_slice);
        if let Some(named) = condition["Condition"].as_str() {
            return self.condition(named);
        }
        let either = list("Fn::And").or(list("Fn::Or"));
        match (list("Fn::Equals"), list("Fn::Not"), either) {
            (Some([left, right]), None, None) => Ok(self.resolve(left)? == self.resolve(right)?),
            (None, Some([inner]), None) => Ok(!self.holds(inner)?),
            (None, None, Some(all @ [_, _, ..])) => {
                let all = all.iter().map(|one| self.holds(one));
                let all = all.collect::<Resolved<Vec<bool>>>()?;
                let is_and = list("Fn::And").is_some();
                Ok(all.iter().filter(|one| **one).count() >= if is_and { all.len() } else { 1 })
            }
            _ => refuse(format!("the condition {condition} is not known here")),
        }
    }

    fn text(&self, value: &Value) -> Resolved<String> {
        match self.resolve(value)? {
            Some(Value::String(text)) => Ok(text),
            other => refuse(format!("{value} is no text but {other:?}")),
        }
    }

    fn texts(&self, value: &Value) -> Resolved<Vec<String>> {
        match self.resolve(value)? {
            Some(Value::Array(items)) => items.iter().map(|item| self.text(item)).collect(),
            other => refuse(format!("{value} is no list but {other:?}")),
        }
    }
}

/// `{"Fn::…": argument}` or `{"Ref": name}`, and nothing beside it.
fn intrinsic(members: &Map<String, Value>) -> Resolved<Option<(&str, &Value)>> {
    let mut named = members.iter();
    let found = named.find(|(name, _)| *name == "Ref" || name.starts_with("Fn::"));
    match found {
        None => Ok(None),
        Some((name, argument)) if members.len() == 1 => Ok(Some((name, argument))),
        Some((name, _)) => refuse(format!("`{name}` stands beside other members")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resolved(value: &Value) -> Resolved<Option<Value>> {
        let template = json!({
            "Parameters": {
                "Cluster": {"Type": "String"},
                "List": {"Type": "CommaDelimitedList", "Default": "a, b"},
            },
            "Conditions": {
                "Keyless": {"Fn::Equals": [{"Ref": "SecretKeyArn"}, ""]},
                "Keyed": {"Fn::Not": [{"Fn::Equals": [{"Ref": "SecretKeyArn"}, ""]}]},
                "Odd": {"Fn::Or": []},
                "Both": {"Fn::And": [{"Condition": "Keyless"}, {"Condition": "Keyed"}]},
                "Either": {"Fn::Or": [{"Condition": "Keyless"}, {"Condition": "Keyed"}]},
            },
        });
        let settings = [("AWS_ACCESS_KEY_ID", "1"), ("CLUSTER", "arn:c/blue")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let deployment = Deployment::of(&settings);
        Resolver::new(&template, &deployment).resolve(value)
    }

    #[test]
    fn functions_are_resolved_as_cloudformation_does() {
        let cluster =
            json!({"Fn::Select": [1, {"Fn::Split": ["/", {"Fn::Sub": "${Cluster}/${Cluster}"}]}]});
        for (value, want) in [
            (json!({"Ref": "AWS::Region"}), json!("us-east-1")),
            (cluster.clone(), json!("blue")),
            (
                json!({"Fn::Sub": ["${!x}/${C}", {"C": cluster}]}),
                json!("${x}/blue"),
            ),
            (json!({"Fn::Join": ["+", {"Ref": "List"}]}), json!("a+b")),
            (json!({"Fn::If": ["Keyless", "a", "b"]}), json!("a")),
            (json!({"Fn::If": ["Keyed", "a", "b"]}), json!("b")),
            (json!({"Fn::If": ["Both", "a", "b"]}), json!("b")),
            (json!({"Fn::If": ["Either", "a", "b"]}), json!("a")),
            (
                json!([{"Fn::If": ["Keyed", "a", {"Ref": "AWS::NoValue"}]}]),
                json!([]),
            ),
            (
                json!({"Fn::GetAtt": ["EnvironmentKey", "Arn"]}),
                json!("arn:aws:kms:us-east-1:1:key/of-the-stack"),
            ),
        ] {
            assert_eq!(resolved(&value), Ok(Some(want)), "{value}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (value, named) in [
            (json!({"Fn::ImportValue": "x"}), "Fn::ImportValue"),
            (json!({"Fn::If": ["Odd", "a", "b"]}), "Fn::Or"),
            (json!({"Fn::If": ["Nowhere", "a", "b"]}), "Nowhere"),
            (json!({"Ref": "Stranger"}), "Stranger"),
            (json!({"Fn::Sub": "${Stranger.Arn}"}), "Stranger.Arn"),
            (json!({"Fn::Sub": "${Open"}), "brace"),
            (json!({"Ref": "Cluster", "and": 1}), "beside"),
            (json!({"Fn::Select": [5, ["a"]]}), "Select"),
        ] {
            let error = resolved(&value).unwrap_err().to_string();
            assert!(error.contains(named), "{value}: {error}");
        }
    }
}

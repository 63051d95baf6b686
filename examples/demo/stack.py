"""The App's own stack: there before anything of its first Release, gone with the App, and there again."""

from console import expect, fact
from proxy import Proxy
from shop import Shop

# What tasks get of an App without resources.
OUTPUTS = {"ExecutionRoleArn", "LogGroupName", "TaskRoleArn"}
OF_THE_RELEASE = ("CreateSecret", "RegisterTaskDefinition", "UpdateService", "PutRule")


def came_first(shop: Shop, proxy: Proxy) -> None:
    made, states = shop.stack(), shop.states()
    fact("stack", f"{made['StackName']}, {made['StackStatus']}")
    fact("its outputs", ", ".join(outputs(made)))
    expect(set(outputs(made)) == OUTPUTS, "the App has a stack of its own, with its roles and log group")
    waited = any(state["desired"]["status"] == "waiting" for state in states)
    expect(waited, "the promote waited for it, and CloudFormation's event let it go on")
    operations = proxy.operations()
    rest = min(operations.index(operation) for operation in OF_THE_RELEASE)
    expect(operations.index("CreateStack") < rest, "it was created before anything of the Release was written")


def gives_roles(shop: Shop) -> None:
    given = outputs(shop.stack())
    own = (given["ExecutionRoleArn"], given["TaskRoleArn"], given["LogGroupName"])
    expect(all(roles_and_log_group(shop, arn) == own for arn in shop.running()),
           "all task definitions carry the App's own roles and log group")


def is_gone(shop: Shop) -> None:
    expect(shop.stack() is None, "its stack is gone, the roles and the log group with it")


def is_another(shop: Shop, before: str) -> None:
    made = shop.stack()
    fact("stack", f"{made['StackName']}, {made['StackStatus']}")
    expect(made["StackId"] != before, "the App has a new stack of its own")


def outputs(made: dict) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}


def roles_and_log_group(shop: Shop, arn: str) -> tuple[str, str, str]:
    definition = shop.definition(arn)
    log = definition["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-group"]
    return definition["executionRoleArn"], definition["taskRoleArn"], log

"""What the Rack says: a rule of the demo's own that brings its events to a queue, as any listener would have them."""

import dataclasses
import functools
import json

from console import wait_for
from rack import Rack

NAME = "what-the-rack-says"
PATTERN = {"source": ["secrets-manager-env"]}
EVENT_LIMIT_S = 20
# The longest there is: a message is shown once, and deleting it is not needed.
SHOWN_AGAIN_AFTER_S = 43200


@dataclasses.dataclass
class Watch:
    """Events from the moment of `started` on, in the order in which they came."""

    rack: Rack
    queue: str
    _seen: list[dict] = dataclasses.field(default_factory=list)

    def all(self, detail_type: str, **detail) -> list[dict]:
        """The details of the events of this type that have these members."""
        self._receive()
        details = [event["detail"] for event in self._seen if event["detail-type"] == detail_type]
        return [seen for seen in details if detail.items() <= seen.items()]

    def wait_for(self, detail_type: str, **detail) -> dict:
        """The newest of them, once there is one."""
        what = " ".join([f"`{detail_type}`", *(f"{name} {value}" for name, value in detail.items())])
        return wait_for(what, lambda: next(reversed(self.all(detail_type, **detail)), None), EVENT_LIMIT_S)

    def texts(self) -> list[str]:
        self._receive()
        return [json.dumps(event, ensure_ascii=False) for event in self._seen]

    def _receive(self) -> None:
        receive = functools.partial(self.rack.aws("sqs").receive_message, QueueUrl=self.queue, MaxNumberOfMessages=10)
        while messages := receive().get("Messages"):
            self._seen.extend(json.loads(message["Body"]) for message in messages)


def started(rack: Rack) -> Watch:
    sqs, events = rack.aws("sqs"), rack.aws("events")
    queue = sqs.create_queue(QueueName=NAME, Attributes={"VisibilityTimeout": str(SHOWN_AGAIN_AFTER_S)})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    # On AWS, the queue also needs a policy that lets EventBridge send to it.
    events.put_rule(Name=NAME, EventPattern=json.dumps(PATTERN))
    events.put_targets(Rule=NAME, Targets=[{"Id": "queue", "Arn": arn}])
    return Watch(rack, queue)

"""What the Rack tells on the event bus: a rule and a queue of the demo's own, as an operator would have them."""

import json

from aws import Aws
from console import wait_for

LIMIT_S = 30
NAME = "what-the-rack-tells"


class Heard:
    def __init__(self, aws: Aws):
        self._sqs = aws("sqs")
        self._queue = self._sqs.create_queue(QueueName=NAME)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        pattern = json.dumps({"source": ["secrets-manager-env"]})
        aws("events").put_rule(Name=NAME, EventPattern=pattern)
        target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
        aws("events").put_targets(Rule=NAME, Targets=[target])
        self._events: list[dict] = []

    def first(self, detail_type: str) -> dict:
        """The detail of the first event of that kind, waited for."""

        def probe() -> dict | None:
            return next(iter(self.all(detail_type)), None)

        return wait_for(f"the event `{detail_type}`", probe, LIMIT_S)

    def all(self, detail_type: str) -> list[dict]:
        """The details of all events of that kind so far."""
        answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        for message in answer.get("Messages", []):
            self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
            self._events.append(json.loads(message["Body"]))
        return [event["detail"] for event in self._events if event["detail-type"] == detail_type]

    def text(self) -> str:
        return json.dumps(self._events)

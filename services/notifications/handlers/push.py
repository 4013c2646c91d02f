"""Step notifications.push: the status of a request moved → its owner's connections."""

import boto3

from events.catalog.request_status_changed import RequestStatusChanged
from events.runtime import consumer
from services.notifications.adapters.connections import ConnectionTable
from services.notifications.adapters.gateway import Gateway
from services.notifications.settings import SocketSettings
from services.notifications.sockets import Push

settings = SocketSettings.load()

handler = consumer(
    step="notifications.push",
    accepts=[RequestStatusChanged],
    handle=Push(ConnectionTable(boto3.client("dynamodb"), settings.table_name), Gateway(settings.management_url)),
)

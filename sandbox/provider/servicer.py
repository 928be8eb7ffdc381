"""Owns what the `tf` package's gRPC servicer lacks: defaults on update, and a stop that is heard.

Must not know the sandbox cloud's resource types.
"""

from __future__ import annotations

from threading import Event

import grpc
from tf.gen import tfplugin_pb2 as pb
from tf.iface import Provider
from tf.provider import ProviderServicer
from tf.types import Unknown
from tf.utils import read_dynamic_value, to_dynamic_value


class SandboxServicer(ProviderServicer):
    """The servicer Terraform talks to.

    Parameters:
        stop: set when Terraform asks the provider to stop.
    """

    def __init__(self, provider: Provider, stop: Event) -> None:
        super().__init__(provider)
        self._stop = stop

    def PlanResourceChange(
        self, request: pb.PlanResourceChange.Request, context: grpc.ServicerContext
    ) -> pb.PlanResourceChange.Response:
        """Plan a change; an attribute no longer configured goes back to its default.

        Terraform proposes the prior value for an optional, computed attribute that the
        configuration leaves out, so a default removed from the configuration, or changed behind
        Terraform's back, would stay as it is for ever.
        """
        config = read_dynamic_value(request.config)
        proposed = read_dynamic_value(request.proposed_new_state)
        if config is not None and proposed is not None:
            for name, attribute in self._get_res_attrs(request.type_name).items():
                if attribute.default is not Unknown and config.get(name) is None:
                    proposed[name] = attribute.default
            request.proposed_new_state.CopyFrom(to_dynamic_value(proposed))
        return super().PlanResourceChange(request, context)

    def StopProvider(
        self, request: pb.StopProvider.Request, context: grpc.ServicerContext
    ) -> pb.StopProvider.Response:
        """End waits at once, and go on serving.

        `tf`'s own runner would cut off running calls here, and Terraform would forget resources
        that the cloud has recorded.
        """
        self._stop.set()
        return pb.StopProvider.Response()

import * as Type from "typebox";
import { NamespaceName, ObjectName, object } from "./schema.ts";

const Texts = Type.Record(Type.String(), Type.String());
const SetByTheServer = Type.Optional(Type.Unknown());

/** `metadata` of every object; what the Kubernetes API server fills in is let through unread. */
export const Metadata = object({
  name: ObjectName,
  namespace: Type.Optional(NamespaceName),
  labels: Type.Optional(Texts),
  annotations: Type.Optional(Texts),
  creationTimestamp: Type.Optional(Type.String()),
  generateName: SetByTheServer,
  selfLink: SetByTheServer,
  uid: SetByTheServer,
  resourceVersion: SetByTheServer,
  generation: SetByTheServer,
  deletionTimestamp: SetByTheServer,
  deletionGracePeriodSeconds: SetByTheServer,
  finalizers: SetByTheServer,
  ownerReferences: SetByTheServer,
  managedFields: SetByTheServer,
});
export type Metadata = Type.Static<typeof Metadata>;

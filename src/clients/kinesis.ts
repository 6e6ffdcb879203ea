// The AWS SDK, as far as it is used: a module of its own, so that it is loaded only when it is.
export { DescribeStreamSummaryCommand, KinesisClient, PutRecordCommand } from "@aws-sdk/client-kinesis";
export { NodeHttpHandler } from "@smithy/node-http-handler";

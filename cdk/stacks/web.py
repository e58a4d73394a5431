"""Web: the page from a private bucket through CloudFront, the API under the same host."""

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.acknowledge import acknowledge
from cdk.config import Config
from cdk.stacks.api import Api
from cdk.stacks.delivery import Delivery
from cdk.stacks.storage import Storage
from store.names import API_PATH, CALLER_HEADER, DISTRIBUTION_OUTPUT, PAGE_OUTPUT, WEB_OUTPUT

# The page is plain ES modules and CSS of its own: nothing from elsewhere, nothing inline.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The API sees CloudFront's address; this tells it the caller's, whatever the caller says itself.
CALLER_FUNCTION = f"""function handler(event) {{
  event.request.headers["{CALLER_HEADER}"] = {{ value: event.viewer.ip + ":0" }};
  return event.request;
}}
"""


class Web(Stack):
    """The page. Its files are put there by `stratagem cloud deploy`; they go with the stack."""

    def __init__(
        self, scope: Construct, name: str, config: Config, storage: Storage, api: Api, delivery: Delivery | None
    ) -> None:
        super().__init__(scope, name, stack_name=f"{config.prefix}-web")
        self.bucket = s3.Bucket(
            self,
            "Page",
            encryption=s3.BucketEncryption.S3_MANAGED,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            server_access_logs_bucket=storage.log_bucket,
            server_access_logs_prefix="page/",
            removal_policy=RemovalPolicy.DESTROY,
        )
        page = cloudfront.BehaviorOptions(
            origin=origins.S3BucketOrigin.with_origin_access_control(self.bucket),
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
            response_headers_policy=self._headers(),
            compress=True,
        )
        routes = cloudfront.BehaviorOptions(
            origin=origins.HttpOrigin(api.domain, protocol_policy=cloudfront.OriginProtocolPolicy.HTTPS_ONLY),
            viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
            allowed_methods=cloudfront.AllowedMethods.ALLOW_ALL,
            cache_policy=cloudfront.CachePolicy.CACHING_DISABLED,
            origin_request_policy=cloudfront.OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
            function_associations=[
                cloudfront.FunctionAssociation(
                    function=cloudfront.Function(
                        self,
                        "Caller",
                        code=cloudfront.FunctionCode.from_inline(CALLER_FUNCTION),
                        runtime=cloudfront.FunctionRuntime.JS_2_0,
                    ),
                    event_type=cloudfront.FunctionEventType.VIEWER_REQUEST,
                )
            ],
        )
        self.distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=config.prefix,
            default_root_object="index.html",
            default_behavior=page,
            additional_behaviors={f"{API_PATH}/*": routes},
            price_class=cloudfront.PriceClass.PRICE_CLASS_100,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
        )
        acknowledge(self.distribution, "CFR1", "people of every country may play, so none is blocked")
        acknowledge(self.distribution, "CFR2", "static files and a throttled API; a firewall costs more than all of it")
        acknowledge(
            self.distribution, "CFR3", "the bucket and the API log every request that the cache does not answer"
        )
        acknowledge(self.distribution, "CFR4", "without a domain of one's own CloudFront fixes the protocol itself")
        if delivery:
            self._let_publish(delivery.deployer)
        CfnOutput(self, WEB_OUTPUT, value=self.bucket.bucket_name)
        CfnOutput(self, DISTRIBUTION_OUTPUT, value=self.distribution.distribution_id)
        CfnOutput(self, PAGE_OUTPUT, value=f"https://{self.distribution.distribution_domain_name}")

    def _let_publish(self, deployer: iam.IRole) -> None:
        """Let releases put the page's files in place; here, since the deployer is made long before the page is."""
        policy = iam.Policy(self, "Publishing", roles=[deployer])
        files = self.bucket.arn_for_objects("*")
        policy.add_statements(
            iam.PolicyStatement(actions=["s3:PutObject"], resources=[files]),
            iam.PolicyStatement(
                actions=["cloudfront:CreateInvalidation"], resources=[self.distribution.distribution_arn]
            ),
        )
        bucket = self.get_logical_id(self.bucket.node.default_child)
        acknowledge(policy, "IAM5", "the page is all that the bucket holds", f"Resource::<{bucket}.Arn>/*")

    def _headers(self) -> cloudfront.ResponseHeadersPolicy:
        return cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=CONTENT_POLICY, override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.DENY, override=True
                ),
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.SAME_ORIGIN, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=Duration.days(365), include_subdomains=True, override=True
                ),
            ),
        )

"""What lasts: policies, ratings, matches and the lake of games, over S3 and DynamoDB or what speaks like them."""
